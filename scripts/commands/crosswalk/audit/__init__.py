"""The audit: what routers do to status fields and background work, read from their source and never imported.

It runs the analysed code in the abstract. A value is a set of *atoms* (:mod:`.atoms`): what an expression may be. Modules
are executed once (:mod:`.statements`, :mod:`.expressions`), which finds routers, models, enums and jobs; then each route's
handler is called with what its annotations promise, and everything it reaches leaves *effects* (:mod:`.effects`). Rules turn
effects into findings (:mod:`.rules`).
"""
