"""What citizens take away on paper or as a file: their data, and the recovery sheet.

Pure: each function turns values into bytes, keeps nothing and asks no clock or network. Only
`gather` speaks to the vault, as its owner.
"""
