/**
 * TwiML documents as data. Only the serializer in `adapters/twilio/twiml-xml.ts` turns them into
 * text, so nothing that a caller or a model says can become markup. Types only. Source: Twilio
 * TwiML reference, Voice.
 */

export type Twiml = readonly TwimlVerb[];

export interface TwimlCallback {
  readonly url: string;
  /** Space-separated in the document. */
  readonly events?: readonly string[];
}

export type TwimlVerb =
  | {
      readonly verb: "say";
      readonly text: string;
      readonly language?: string;
      readonly loop?: number;
    }
  | {
      readonly verb: "play";
      readonly url?: string;
      readonly digits?: string;
      readonly loop?: number;
    }
  | { readonly verb: "pause"; readonly seconds: number }
  | { readonly verb: "hangup" }
  | { readonly verb: "reject"; readonly reason: "rejected" | "busy" }
  | { readonly verb: "redirect"; readonly url: string }
  | { readonly verb: "leave" }
  | {
      readonly verb: "connect_stream";
      readonly action: string;
      readonly url: string;
      readonly statusCallback?: string;
      /** Name and value together under 500 characters each. */
      readonly parameters: Readonly<Record<string, string>>;
    }
  | {
      readonly verb: "dial";
      readonly target: DialNoun;
      readonly action?: string;
      readonly timeoutS?: number;
      readonly timeLimitS?: number;
      readonly callerId?: string;
      readonly answerOnBridge?: boolean;
    }
  | {
      readonly verb: "enqueue";
      readonly action: string;
      readonly waitUrl?: string;
      readonly target:
        | { readonly type: "queue"; readonly name: string }
        | {
            readonly type: "workflow";
            readonly workflowSid: string;
            /** Becomes the JSON text of `<Task>`. */
            readonly attributes: Readonly<Record<string, unknown>>;
            readonly priority: number;
            readonly timeoutS?: number;
          };
    }
  | {
      readonly verb: "gather";
      readonly action: string;
      readonly numDigits: number;
      readonly timeoutS: number;
      readonly prompts: readonly { readonly text: string; readonly language?: string }[];
    };

export type DialNoun =
  /** `url`: TwiML that the called side hears before the bridge. */
  | {
      readonly type: "number";
      readonly e164: string;
      /** Keys sent once the number has answered, before the two sides are connected. */
      readonly sendDigits?: string;
      readonly url?: string;
      readonly statusCallback?: TwimlCallback;
    }
  | {
      readonly type: "sip";
      readonly uri: string;
      readonly url?: string;
      readonly statusCallback?: TwimlCallback;
    }
  | {
      readonly type: "client";
      readonly identity: string;
      readonly url?: string;
      readonly statusCallback?: TwimlCallback;
    }
  | { readonly type: "queue"; readonly name: string; readonly url?: string }
  | {
      readonly type: "conference";
      readonly name: string;
      readonly label: string;
      readonly startConferenceOnEnter: boolean;
      readonly endConferenceOnExit: boolean;
      readonly beep: boolean;
      readonly waitUrl?: string;
      readonly statusCallback?: TwimlCallback;
    };
