// Ids made on this device: random, for a page on plain http has no crypto.randomUUID.
export const madeId = (prefix) =>
  `${prefix}-${[...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
