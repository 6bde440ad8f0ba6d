"""Pictures as a source: a folder of class folders (PNG, JPEG), an .npz file, or `example:digits`.

`source.py` finds them, `reading.py` decodes one, `ingest.py` writes the table and the array, `validation.py` judges.
"""
