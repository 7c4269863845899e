import { createPinia } from "pinia";
import { createApp } from "vue";
import { i18n, lang } from "@/i18n";
import SeatPage from "./SeatPage.vue";
import "@/theme";

document.documentElement.lang = lang.value;
createApp(SeatPage).use(createPinia()).use(i18n).mount("#app");
