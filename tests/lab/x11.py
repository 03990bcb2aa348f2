"""Asks the windows of a display to close, as a window manager does at a click on the cross.

xfreerdp then leaves in its own orderly way; a signal would cut it down instead.
"""

import ctypes
import ctypes.util


class _ClientMessage(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong),
                ("message_type", ctypes.c_ulong), ("format", ctypes.c_int),
                ("data", ctypes.c_long * 5), ("_rest", ctypes.c_long * 24)]


_CLIENT_MESSAGE = 33


def close_windows(display_name):
    x11 = ctypes.CDLL("libX11.so.6")
    for name, result in (("XOpenDisplay", ctypes.c_void_p), ("XDefaultRootWindow", ctypes.c_ulong),
                         ("XInternAtom", ctypes.c_ulong)):
        getattr(x11, name).restype = result
    display = ctypes.c_void_p(x11.XOpenDisplay(display_name.encode()))
    protocols = x11.XInternAtom(display, b"WM_PROTOCOLS", False)
    delete = x11.XInternAtom(display, b"WM_DELETE_WINDOW", False)
    for window in _top_windows(x11, display):
        event = _ClientMessage(type=_CLIENT_MESSAGE, window=window, message_type=protocols,
                               format=32)
        event.data[0] = delete
        x11.XSendEvent(display, ctypes.c_ulong(window), False, ctypes.c_long(0),
                       ctypes.byref(event))
    x11.XSync(display, False)
    x11.XCloseDisplay(display)


def _top_windows(x11, display):
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    ignored, children, count = ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
    x11.XQueryTree(display, root, ctypes.byref(ignored), ctypes.byref(ignored),
                   ctypes.byref(children), ctypes.byref(count))
    windows = [children[n] for n in range(count.value)]
    if windows:
        x11.XFree(children)
    return windows


def move_pointer(display_name):
    """Move the mouse of a display, so that its client has an input event to send."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(display_name.encode()))
    root = ctypes.c_ulong(x11.XDefaultRootWindow(display))
    none = ctypes.c_ulong(0)
    for position in (30, 60, 90):
        x11.XWarpPointer(display, none, root, 0, 0, 0, 0, position, position)
        x11.XSync(display, False)
    x11.XCloseDisplay(display)
