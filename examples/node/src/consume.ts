// Reads events from a queue that is the target of a rule on the event bus, until Ctrl-C:
// EVENT_QUEUE_URL=https://… node build/consume.js FOLDER
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { MailbusEvent } from "./mailbus.js";
import { noteOf, writeOnce } from "./notes.js";

/** Handle one event; as the handler of a Lambda function that is the target of a rule it is the same. */
async function consume(event: MailbusEvent, folder: string): Promise<string> {
  const note = noteOf(event.detail);
  if (!note) return "ignored";
  return (await writeOnce(folder, event.detail.event_id, note)) ? "noted" : "repeated";
}

const [folder] = process.argv.slice(2);
const queueUrl = process.env["EVENT_QUEUE_URL"];
if (!folder || !queueUrl) {
  console.error("usage: EVENT_QUEUE_URL=https://… node build/consume.js FOLDER");
  process.exit(2);
}
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

const sqs = new SQSClient();
while (!stop.signal.aborted) {
  const received = await sqs
    .send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
      { abortSignal: stop.signal },
    )
    .catch((error: unknown) => {
      if (stop.signal.aborted) return { Messages: [] };
      throw error;
    });
  for (const { Body: body, ReceiptHandle: handle, MessageId: id } of received.Messages ?? []) {
    try {
      const event = JSON.parse(body ?? "") as MailbusEvent;
      // the id only: addresses do not belong in logs
      console.log(`${await consume(event, folder)} ${event.detail.event_id}`);
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: handle }));
    } catch (error) {
      // the message stays on the queue, which moves it to its dead-letter queue in the end
      console.error(`message ${id}: ${error instanceof Error ? error.name : "error"}`);
    }
  }
}
