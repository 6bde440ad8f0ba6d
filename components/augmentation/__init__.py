"""Made rows, each made inside one fold part from that part's rows alone."""
