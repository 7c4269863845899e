import { createApp } from "vue";
import { i18n, lang } from "@/i18n";
import SeatPage from "./SeatPage.vue";
import "@/theme";
import "./controls.css";
import "./notice.css";
import "./seat.css";

document.documentElement.lang = lang.value;
createApp(SeatPage).use(i18n).mount("#app");
