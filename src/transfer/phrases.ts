/**
 * What Twilio's own voice says around a transfer, by language. Callers of any other language hear
 * English, spoken by an English voice.
 */
export interface Phrases {
  /** BCP 47, for `<Say language>`. */
  readonly language: string;
  readonly moment: string;
  /** For a caller who has to wait. */
  readonly wait: string;
  readonly position: (place: number) => string;
  readonly stillHolding: string;
  readonly callFor: (agent: string) => string;
  readonly reason: string;
  readonly urgent: string;
  readonly press: string;
  readonly thanks: string;
  readonly tooLate: string;
}

const ENGLISH: Phrases = {
  language: "en-US",
  moment: "One moment please, I am connecting you.",
  wait: "One moment, please.",
  position: (place) =>
    place === 1
      ? "You are next in line."
      : `You are number ${place} in line. Thank you for holding.`,
  stillHolding: "Thank you for holding.",
  callFor: (agent) => `A call from the assistant ${agent}.`,
  reason: "Reason:",
  urgent: "It is urgent.",
  press: "Press 1 to accept the call, or 2 to decline.",
  thanks: "Thank you. Goodbye.",
  tooLate: "The caller is no longer there. Thank you.",
};

const PHRASES: ReadonlyMap<string, Phrases> = new Map([
  ["en", ENGLISH],
  [
    "es",
    {
      language: "es-ES",
      moment: "Un momento, por favor, le paso la llamada.",
      wait: "Un momento, por favor.",
      position: (place: number) =>
        place === 1
          ? "Usted es el siguiente."
          : `Está en la posición ${place}. Gracias por esperar.`,
      stillHolding: "Gracias por esperar.",
      callFor: (agent: string) => `Una llamada del asistente ${agent}.`,
      reason: "Motivo:",
      urgent: "Es urgente.",
      press: "Pulse 1 para aceptar la llamada o 2 para rechazarla.",
      thanks: "Gracias. Adiós.",
      tooLate: "La persona ya no está en la línea. Gracias.",
    },
  ],
  [
    "fr",
    {
      language: "fr-FR",
      moment: "Un instant, s'il vous plaît, je vous mets en relation.",
      wait: "Un instant, s'il vous plaît.",
      position: (place: number) =>
        place === 1
          ? "Vous êtes le prochain."
          : `Vous êtes en position ${place}. Merci de patienter.`,
      stillHolding: "Merci de patienter.",
      callFor: (agent: string) => `Un appel de l'assistant ${agent}.`,
      reason: "Motif :",
      urgent: "C'est urgent.",
      press: "Tapez 1 pour accepter l'appel, ou 2 pour le refuser.",
      thanks: "Merci. Au revoir.",
      tooLate: "La personne n'est plus en ligne. Merci.",
    },
  ],
  [
    "de",
    {
      language: "de-DE",
      moment: "Einen Moment bitte, ich verbinde Sie.",
      wait: "Einen Moment bitte.",
      position: (place: number) =>
        place === 1
          ? "Sie sind als Nächstes an der Reihe."
          : `Sie sind auf Platz ${place}. Danke für Ihre Geduld.`,
      stillHolding: "Danke für Ihre Geduld.",
      callFor: (agent: string) => `Ein Anruf vom Assistenten ${agent}.`,
      reason: "Anliegen:",
      urgent: "Es ist dringend.",
      press: "Drücken Sie 1, um den Anruf anzunehmen, oder 2, um ihn abzulehnen.",
      thanks: "Danke. Auf Wiederhören.",
      tooLate: "Die Person ist nicht mehr in der Leitung. Danke.",
    },
  ],
]);

export function phrasesFor(language: string): Phrases {
  const primary = language.toLowerCase().split(/[-_]/)[0] ?? "";
  const phrases = PHRASES.get(primary) ?? ENGLISH;
  // "es-MX" stays what it is; a bare "es" becomes a tag that Twilio has a voice for.
  return phrases !== ENGLISH || primary === "en"
    ? { ...phrases, language: /[-_]/.test(language) ? language : phrases.language }
    : phrases;
}
