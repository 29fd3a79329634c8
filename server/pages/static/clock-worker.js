// A clock that keeps its pace in a hidden tab, where the page's own timers are slowed down.
setInterval(() => postMessage("second"), 500);
