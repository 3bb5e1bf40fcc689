/** What people say of a call that has ended. Types and limits. */

/** Why a call is worth a look: see `records/review-rules.ts`. */
export const REVIEW_FLAGS = ["long_silence", "transfer_failed", "repeated", "sampled"] as const;
export type ReviewFlag = (typeof REVIEW_FLAGS)[number];

/** From the worst to the best. */
export const RATINGS = [1, 2, 3, 4, 5] as const;
export type Rating = (typeof RATINGS)[number];

/** Of one tag: lower-case letters, digits, "-" and "_", in any script. */
export const TAG = /^[\p{Ll}\p{Lo}\p{N}][\p{Ll}\p{Lo}\p{M}\p{N}_-]{0,39}$/u;
export const MAX_TAGS = 20;
export const MAX_REVIEW_NOTE_CHARS = 4_000;
/** Of one call. */
export const MAX_REVIEW_NOTES = 100;
/** Of the notes of one call in all, in UTF-8. */
export const MAX_REVIEW_NOTE_BYTES = 64 * 1024;

export interface ReviewNote {
  /** ISO 8601. */
  readonly at: string;
  readonly operator: string;
  readonly text: string;
}

export interface CallReview {
  readonly rating: Rating | null;
  readonly ratedBy: string | null;
  /** In alphabetical order. */
  readonly tags: readonly string[];
  /** Oldest first. */
  readonly notes: readonly ReviewNote[];
  readonly flags: readonly ReviewFlag[];
  /** ISO 8601; null: not reviewed. */
  readonly reviewedAt: string | null;
  readonly reviewedBy: string | null;
}

export const NO_REVIEW: CallReview = {
  rating: null,
  ratedBy: null,
  tags: [],
  notes: [],
  flags: [],
  reviewedAt: null,
  reviewedBy: null,
};
