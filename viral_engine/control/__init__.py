"""The operators' socket: protocol, client, service. Protocol, client and daemon_file load nothing of the runtime."""
