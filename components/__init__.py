"""The parts of Espalier: contracts in `core`, nouns and verbs above, `project` on top. Importing this loads nothing."""
