"""`espalier` around the stand-in stages, whose settings and scores are their own: no check before, no summary after."""

import sys

import pipelines.commands.run as command
from pipelines.cli import main

command._check = lambda root: None
command._print_summary = lambda root, grown: None
sys.exit(main())
