# The program of a node. It is compiled on the node at each start, so it is short; every way out of it is a reset.
import gc
import sys
import time

import machine

try:
    from node import start

    node = start.build()
    del start
    for part in ("start", "config", "identity"):  # their work is done, and a node has no heap to spare
        del sys.modules["node." + part]
        delattr(sys.modules["node"], part)
    gc.collect()
    node.run()
except BaseException as error:
    print("node stopped:", repr(error))
    time.sleep(10)
finally:
    machine.reset()
