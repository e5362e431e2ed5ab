"""HTTP/1.1 over sockets of this package: the code below httpx that reads and writes bytes.

``messages`` formats requests and parses responses, ``connecting`` resolves names and opens sockets, ``proxies`` opens
tunnels, and ``tasks`` and ``threads`` carry one request at a time over one connection.
"""
