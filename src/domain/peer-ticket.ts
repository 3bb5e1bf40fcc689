/** The header with the ticket of one connection between two processes: see docs/scaling.md. */
export const TICKET_HEADER = "x-murelay-listen-ticket";
