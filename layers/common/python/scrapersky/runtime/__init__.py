"""The service runtime: registry, settings, outcomes and the three entrances of every background service."""
