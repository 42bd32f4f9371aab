"""The pages of a counter: sign in, take a code, see what the citizen shares, and be done."""

from web.desk import counter, events, sign_in

ROUTERS = (sign_in.router, counter.router, events.router)
