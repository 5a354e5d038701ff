"""What a parsed page says about the business behind it: contacts, profiles, organisation, opening hours, text.

Used in the child process that reads pages (:mod:`scrapersky.web.reading`), so the imports are slim.
"""
