"""Host politeness: how often all workers together may send a request to one website.

:mod:`limiter <scrapersky.politeness.limiter>` limits the requests of one worker. Only one worker at a time may send
requests to a host: it leases the host (:mod:`lease_manager <scrapersky.politeness.lease_manager>`) in the table
``host_leases`` (:mod:`host_leases <scrapersky.politeness.host_leases>`). The web client sees none of this but
:class:`scrapersky.web.exchange.Limiter`.
"""
