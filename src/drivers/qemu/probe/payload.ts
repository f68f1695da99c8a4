// The probe guest as a firmware image: payload.s, assembled. payload.test.ts compares the two where an assembler is at hand.

const imageBytes = 64 * 1024;

/** At the start of the last page. */
const code = [
  '+i5mDwEWoPEPIMBmg8gBDyLAZuoa8P//CABmuBAAjtiOwI7QvABwAAD8McC/AAABALkAGAAA86vHBQAAAQADEAEAxwUAEAEAAyABAMcFCBABAAMwAQDHBRAQAQAD',
  'QAEAxwUYEAEAA1ABAL8AIAEAuIMAAAC5AAgAAIkHBQAAIACDxwji9A8g4IPIIA8i4LgAAAEADyLYuYAAAMAPMg0AAQAADzAPIMANAAAAgA8iwOq28P//GAC/AAAC',
  'ADHAuQAEAADzq7hy8f//vwACAgBmiQdmx0cCGABmx0cEAI7B6BBmiUcGuKbx//8PARi+AADg/seG8AAAAP8BAADHhlADAAAABwAAsBHmILAg5iGwBOYhsAHmIbD+',
  '5iGw/+ahsDTmQ7Cp5kCwBOZAMdv79IP7FHL6+rgBAAAAuiAAAAC/AAAQALkAAAQAacANZhkABV/zbjwxB0iDxwT/yXXr/8p13bMRPQEAgDR1ArMQiNjm9PTr/VD/',
  'w7Ag5iBYSM8AAAAAAAAAAAAAAAD//wAAAJvPAP//AAAAk88A//8AAACbrwAfAIDx////DwAAAg==',
].join('');

/** `jmp` to the start of the page; 16 bytes before the end of the image, where a processor begins. */
const resetVector = Uint8Array.of(0xe9, 0x0d, 0xf0);

/** QEMU's exit code is twice what the guest writes to the port, and one. */
export const exitPort = 0xf4;
export const exitGood = 0x10 * 2 + 1;
export const exitBad = 0x11 * 2 + 1;

export function renderProbeFirmware(): Buffer {
  const image = Buffer.alloc(imageBytes);
  image.set(Buffer.from(code, 'base64'), imageBytes - 0x1000);
  image.set(resetVector, imageBytes - 0x10);
  return image;
}
