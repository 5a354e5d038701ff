"""The service runtime: registry, settings, outcomes and the three entry points of every background service."""
