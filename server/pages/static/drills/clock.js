// The server's clock seen from this page, and times as they are written on records.

/** Learns the offset from answers that carry the server's time; the quickest answer is believed. */
export class ServerClock {
  constructor() {
    this.offset = 0; // ms, server minus this device
    this.doubt = null; // ms, half the round trip; null while nothing is known
    this.learnt = 0;
  }

  /** Note that an answer with `serverMs` came to a question asked at `asked` (Date.now()). */
  learn(serverMs, asked, came = Date.now()) {
    const doubt = (came - asked) / 2;
    const aged = this.doubt === null ? Infinity : this.doubt + (came - this.learnt) * 0.0001;
    if (doubt > aged) return;
    this.offset = serverMs - (asked + came) / 2;
    this.doubt = doubt;
    this.learnt = came;
  }

  now() {
    return Date.now() + this.offset;
  }
}

const two = (n) => String(n).padStart(2, "0");

/** "1:42" of seconds. */
export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-9));
  return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
}

/** "1:42.3" of seconds; a minus before the signal. */
export function exact(seconds) {
  const tenths = Math.round(Math.abs(seconds) * 10);
  return `${seconds < 0 ? "−" : ""}${Math.floor(tenths / 600)}:${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
}

/** The ± as it may be shown: never better than the tenth that stands beside it. */
export const doubt = (span) => Math.max(Math.ceil(span.plus_minus_s * 10 - 1e-9) / 10, 0.1);

/** "478–482", or the number itself where it is exact. */
export function counted(count) {
  const net = count.out - count.back;
  const low = Math.floor(count.low + 1e-9);
  const high = Math.ceil(count.high - 1e-9);
  return low === net && high === net ? String(net) : `${low}–${high}`;
}
