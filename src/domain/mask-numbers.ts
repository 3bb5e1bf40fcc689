/** An E.164 number, wherever in a text. A "%2B" is the plus sign of an address. */
const NUMBER = /(\+|%2B)([1-9])(\d{4,12})(\d\d)(?!\d)/g;

/**
 * Masks every phone number of a text, JSON and CSV included: "+15550100001" → "+1••••••••01". The
 * first and the last two digits stay, so that calls can be told apart.
 */
export function maskNumbers(text: string): string {
  return text.replace(
    NUMBER,
    (_, plus: string, first: string, middle: string, last: string) =>
      `${plus}${first}${"•".repeat(middle.length)}${last}`,
  );
}
