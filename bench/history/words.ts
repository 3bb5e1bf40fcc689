/** What callers and agents of a support line say. */

export const frequentWords: readonly string[] = `the you is your to can I it that for order a and on
of have we my in with this be will not me so please thank do what are there at one was when from
would help number account today delivery date address card payment invoice late parcel arrive send
back return refund call again name email phone problem working broken change cancel booking time
tomorrow week morning afternoon appointment store branch open close price discount offer customer
service speak person manager wait moment look check see found status delayed shipped warehouse
carrier tracking box item size colour missing wrong damaged replacement exchange receipt warranty
month charge twice amount balance due paid reason sorry understand sure right okay hello goodbye
yes no maybe first second last next another other both each few many some any all most`.split(
  /\s+/,
);

const SYLLABLES = "ba ce di fo gu ha ki lo mu ne pa qui ro su ta ve wi xo yu za".split(" ");

/** Names of products, towns and people: few calls have each of them. */
export const rareWords: readonly string[] = Array.from({ length: 8_000 }, (_, n) =>
  [n % 20, Math.floor(n / 20) % 20, Math.floor(n / 400) % 20]
    .map((part) => SYLLABLES[part] ?? "")
    .join(""),
);
