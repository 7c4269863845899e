import { createRouter, createWebHistory } from "vue-router";
import type { Action } from "@/api";
import type { TextKey } from "@/i18n";
import { useSession } from "@/session/store";

declare module "vue-router" {
  interface RouteMeta {
    title: TextKey;
    /** What one must be allowed to do to come here, any of them; none for sign-in. */
    needs?: Action[];
    open?: boolean;
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: "/login",
      name: "login",
      component: () => import("@/pages/login/LoginPage.vue"),
      meta: { title: "login.title", open: true },
    },
    {
      path: "/",
      name: "wall",
      component: () => import("@/pages/wall/WallPage.vue"),
      meta: { title: "wall.title", needs: ["wall"] },
    },
    {
      path: "/archive",
      name: "archive",
      component: () => import("@/pages/archive/ArchivePage.vue"),
      meta: { title: "archive.title", needs: ["calls"] },
    },
    {
      path: "/calls/:id",
      name: "call",
      props: true,
      component: () => import("@/pages/archive/CallPage.vue"),
      meta: { title: "archive.title", needs: ["calls"] },
    },
    {
      path: "/evidence/holds",
      name: "holds",
      component: () => import("@/pages/evidence/HoldsPage.vue"),
      meta: { title: "evidence.holds.title", needs: ["hold"] },
    },
    {
      path: "/evidence/retention",
      name: "retention",
      component: () => import("@/pages/evidence/RetentionPage.vue"),
      meta: { title: "evidence.retention.title", needs: ["inspect", "admin"] },
    },
    {
      path: "/evidence/packages",
      name: "packages",
      component: () => import("@/pages/evidence/PackagesPage.vue"),
      meta: { title: "evidence.packages.title", needs: ["export"] },
    },
    {
      path: "/evidence/packages/new",
      name: "new-package",
      component: () => import("@/pages/evidence/NewPackagePage.vue"),
      meta: { title: "evidence.packages.addTitle", needs: ["export"] },
    },
    {
      path: "/evidence/packages/:id",
      name: "package",
      props: true,
      component: () => import("@/pages/evidence/PackagePage.vue"),
      meta: { title: "evidence.packages.title", needs: ["export"] },
    },
    {
      path: "/admin/analysis",
      name: "analysis",
      component: () => import("@/pages/admin/AnalysisPage.vue"),
      meta: { title: "analysis.title", needs: ["admin"] },
    },
    {
      path: "/integrity",
      name: "integrity",
      component: () => import("@/pages/integrity/IntegrityPage.vue"),
      meta: { title: "integrity.title", needs: ["inspect"] },
    },
    {
      path: "/capture",
      name: "capture",
      component: () => import("@/pages/capture/CapturePage.vue"),
      meta: { title: "capture.title", needs: ["capture"] },
    },
    {
      path: "/imports",
      name: "imports",
      component: () => import("@/pages/imports/ImportsPage.vue"),
      meta: { title: "imports.title", needs: ["import"] },
    },
    {
      path: "/imports/:id",
      name: "import",
      props: true,
      component: () => import("@/pages/imports/ImportPage.vue"),
      meta: { title: "imports.title", needs: ["import"] },
    },
    { path: "/admin", redirect: "/admin/seats" },
    {
      path: "/admin/branches",
      name: "branches",
      component: () => import("@/pages/admin/BranchesPage.vue"),
      meta: { title: "admin.branches.title", needs: ["admin"] },
    },
    {
      path: "/admin/seats",
      name: "seats",
      component: () => import("@/pages/admin/SeatsPage.vue"),
      meta: { title: "admin.seats.title", needs: ["admin"] },
    },
    {
      path: "/admin/users",
      name: "users",
      component: () => import("@/pages/admin/UsersPage.vue"),
      meta: { title: "admin.users.title", needs: ["admin"] },
    },
    {
      path: "/admin/audit",
      name: "audit",
      component: () => import("@/pages/admin/AuditPage.vue"),
      meta: { title: "admin.audit.title", needs: ["admin", "download"] },
    },
    {
      path: "/:rest(.*)*",
      name: "nowhere",
      component: () => import("@/shell/NowherePage.vue"),
      meta: { title: "shell.notFound" },
    },
  ],
});

router.beforeEach(async (to) => {
  const session = useSession();
  await session.load();
  if (to.meta.open) return session.me ? "/" : true;
  if (!session.me) return { name: "login", query: to.fullPath === "/" ? {} : { next: to.fullPath } };
  // Roles without the wall begin where their work is.
  if (to.name === "wall" && !session.may("wall")) {
    if (session.may("calls")) return { name: "archive", replace: true };
    if (session.may("seat")) {
      window.location.assign("/seat");
      return false;
    }
  }
  return true;
});
