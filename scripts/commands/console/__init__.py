"""The console of a stage in the operator's browser, through a proxy on this machine that authorises each request."""
