"""The only door to the data: every public method takes a caller, decides, records, acts."""
