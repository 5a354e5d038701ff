"""The service runtime: registry, entry points, worker and results of every background service."""
