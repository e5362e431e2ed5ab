"""Send a call over HTTP: settings, retries, merged reads, and the HTTP client."""
