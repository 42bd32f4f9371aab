"""What a vault can hold: fields and their types, partial dates, answers of the population register.

It decides nothing and holds no key; what it lets pass is still only data (docs/catalogue.md).
"""
