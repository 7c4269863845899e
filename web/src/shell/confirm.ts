import { ElMessageBox } from "element-plus";
import { t } from "@/i18n";

/** Asks before something that cannot be undone; true if it shall be done. */
export async function ask(question: string, text: string, button: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, question, {
      confirmButtonText: button,
      cancelButtonText: t("words.cancel"),
      confirmButtonClass: "el-button--danger",
      autofocus: false,
    });
    return true;
  } catch {
    return false; // closed or cancelled
  }
}

/** Asks for the reason of something; null if it shall not be done. */
export async function askReason(question: string, text: string, button: string): Promise<string | null> {
  try {
    const { value } = await ElMessageBox.prompt(text, question, {
      confirmButtonText: button,
      cancelButtonText: t("words.cancel"),
      inputType: "textarea",
      inputValidator: (value: string) => /\S/.test(value ?? "") && [...value].length <= 500,
      inputErrorMessage: t("words.reasonNeeded"),
    });
    return value.trim();
  } catch {
    return null;
  }
}
