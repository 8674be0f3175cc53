# The program of a node. It is compiled on the node at each start, so it is short; every way out of it is a reset.
import asyncio
import gc
import time

import machine

gc.threshold(2048)  # collect often while loading: what stays lies close together, and a large piece is found later

try:
    from node import start

    supervisor, tasks = start.build()
    start.forget("start")
    del start
    gc.threshold(8192)
    asyncio.run(supervisor.run(tasks))
except BaseException as error:
    print("node stopped:", repr(error))
    time.sleep(10)
finally:
    machine.reset()
