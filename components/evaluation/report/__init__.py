"""The report: one HTML file that opens from disk, makes no request, and prints."""
