// The invoices of the key's account: a list, and each to be saved as it was issued.

import { copyOf, fieldsOf, setOptionalText, setText, syncChildren } from "./dom.js";
import { onSave } from "./downloads.js";
import { dayDate, monthName, UNKNOWN } from "./format.js";

const KINDS = { invoice: "Invoice", credit_note: "Credit note" };

/** `subject`: `path` is the API's address of the key, `apiKey` a customer's key or null. */
export class Invoices {
  #fields;
  #subject;

  constructor(fields, subject) {
    this.#fields = fields;
    this.#subject = subject;
  }

  /** Show a list of invoices; null: it could not be read, and what is shown stays. */
  show(answer) {
    if (!answer) {
      return;
    }
    const { invoices, invoicesCaption, invoicesTable, invoicesNote } = this.#fields;
    setText(invoicesCaption, `Account ${answer.account ?? UNKNOWN}, amounts with taxes`);
    setOptionalText(invoicesNote, answer.reason);
    invoicesTable.hidden = answer.invoices.length === 0;
    syncChildren(invoices, answer.invoices, {
      keyOf: ({ invoice }) => invoice,
      create: (invoice) => this.#newRow(invoice),
      update: showInvoice,
    });
  }

  #newRow({ invoice }) {
    const row = copyOf("invoice-row");
    const { page, csv } = fieldsOf(row);
    const { path, apiKey } = this.#subject;
    const file = (accept, ending) => ({
      path: `${path}/invoices/${invoice}`,
      name: `invoice-${invoice}.${ending}`,
      accept,
    });
    const settings = { apiKey, problem: this.#fields.problem };
    onSave(page, () => file("text/html", "html"), settings);
    onSave(csv, () => file("text/csv", "csv"), settings);
    return row;
  }
}

function showInvoice(row, { month, kind, number, date, currency, amount_due: amount }) {
  const fields = fieldsOf(row);
  const name = monthName(month);
  setText(fields.month, name);
  setText(fields.kind, KINDS[kind]);
  setText(fields.number, number ?? UNKNOWN);
  setText(fields.date, date === null ? UNKNOWN : dayDate(date));
  setText(fields.amount, `${amount} ${currency}`);
  setText(fields.pageOf, ` of ${name}`);
  setText(fields.csvOf, ` of ${name}`);
}
