"""The API as data: one file per resource, which builds its calls and reads their answers.

A :class:`~inventpay._api.call.Call` holds one request and the function that reads its answer, so that the transport
does not depend on any endpoint. Import a resource's module directly; a client without a store never loads the store's.
"""
