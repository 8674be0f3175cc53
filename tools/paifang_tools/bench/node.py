"""Suite `node`: what the firmware costs a node, measured on the MicroPython interpreter itself."""



_KEPT = """
import gc
gc.collect()
before = gc.mem_alloc()
import paifang_wire.session, paifang_wire.framing, paifang_wire.serial
{imports}
gc.collect()
print(gc.mem_alloc() - before)
"""
_ALLOCATED = """
import gc
from paifang_wire import messages
from paifang_wire.session import Channel
channel = Channel(bytes(32), "ward-1", "aq-1", 40, bytes(32), 0)
report = [messages.REPORT, 40, 5000, 86400000, 1795000000000, {1: 12, 2: 18, 3: 25, 7: 1500}, {}]
for _ in range(3000):
    channel.seal(report)
gc.collect()
gc.disable()
before = gc.mem_alloc()
frame = channel.seal(report)
print(gc.mem_alloc() - before)
"""
