"""Operating an installation: checking the log against the tables, and looking for what is wrong.

Only reads. Nothing on the way of a request depends on it.
"""
