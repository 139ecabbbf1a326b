// Addresses as a person reads them.

/** Host and path of an address, without its scheme; the text itself when it is none. */
export function place(address: string): string {
  try {
    const url = new URL(address);
    return url.host + (url.pathname === '/' ? '' : url.pathname);
  } catch {
    return address;
  }
}
