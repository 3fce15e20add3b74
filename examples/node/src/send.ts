// Sends a mail: node build/send.js ann@example.com order-1
// SEND_QUEUE_URL and the region are in the environment, as `mailbus env` prints them.
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SendJob } from "./mailbus.js";

/** A job with an id may be enqueued again after an error or a timeout: it is sent once. */
type IdentifiedJob = SendJob & { job_id: string };

async function send(sqs: SQSClient, queueUrl: string, job: IdentifiedJob): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(job) }));
}

const [address, order] = process.argv.slice(2);
const queueUrl = process.env["SEND_QUEUE_URL"];
if (!address || !order || !queueUrl) {
  console.error("usage: SEND_QUEUE_URL=https://… node build/send.js ADDRESS ORDER");
  process.exit(2);
}
await send(new SQSClient(), queueUrl, {
  job_id: `confirmation-${order}`,
  from_email: "Example Shop <shop@example.com>",
  to: [address],
  subject: "Your order",
  text: `Thank you for your order ${order}.`,
  metadata: { order },
  tags: ["confirmation"],
});
console.log(`enqueued confirmation-${order}`);
