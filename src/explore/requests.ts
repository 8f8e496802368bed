/** What clients' requests and reads are known by. */

/** Far from all other numbers in a state, as connections are. A request's ticket is its digest, too. */
export const REQUEST_TICKET = 700_000;
export const READ_TICKET = 800_000;

/** From 1. */
export function requestOfTicket(ticket: number): number {
  return ticket - REQUEST_TICKET;
}

/** The word that a request adds. */
export function wordFor(request: number): string {
  return String.fromCharCode(96 + request);
}
