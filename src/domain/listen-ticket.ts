/** The header with the ticket of one connection between two processes: see docs/listening.md. */
export const TICKET_HEADER = "x-murelay-listen-ticket";
