# Runs first after each reset. From here on nothing that arrives on the console can stop the program or open a prompt.
import micropython

micropython.kbd_intr(-1)
