// What the application does about an event: it notes what matters of a mail, once.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EventDetail } from "./mailbus.js";

export interface Note {
  about: string;
  what: string;
}

/** Return what to note about an event, if anything. */
export function noteOf(event: EventDetail): Note | undefined {
  switch (event.event_type) {
    case "delivered":
      return { about: `job ${event.job_id}`, what: `delivered to ${event.recipient}` };
    case "bounced":
      // others may accept mail again, or unsubscribed
      if (event.bounce.type === "Permanent" && event.reject_reason === "bounced") {
        return { about: `address ${event.recipient}`, what: "does not exist" };
      }
      return undefined;
    case "complained":
      return { about: `address ${event.recipient}`, what: `complained: ${event.complaint.feedback_type}` };
    case "failed":
    case "rejected":
      // a conflict is of another job, which was enqueued with the id of this one
      if (event.error_code === "JobIdConflict") return undefined;
      return { about: `job ${event.job_id}`, what: `${event.error_code}: ${event.description}` };
    default:
      // also event types that a newer Mailbus adds
      return undefined;
  }
}

/**
 * Write a note, unless it is there: events are delivered at least once, and again by a replay. A file for each
 * event stands here for a row of your database, with `event_id` as its unique key.
 */
export async function writeOnce(folder: string, eventId: string, note: Note): Promise<boolean> {
  try {
    await writeFile(join(folder, `${eventId}.json`), JSON.stringify(note), { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
