import { beforeEach, expect, test } from "vitest";
import { forgetLink, type Place, readLink, rememberedLink, takeLink, writeLink } from "./link";

let address: string;

function place(url: string): Place {
  const { hash, pathname, search } = new URL(url, "http://halls.test");
  address = url;
  return {
    location: { hash, pathname, search },
    history: {
      state: null,
      replaceState: (_state, _title, to) => {
        address = String(to);
      },
    },
    localStorage,
  };
}

beforeEach(() => localStorage.clear());

test.each([
  ["#seat=w1&token=est_a-b_C", { seat: "w1", token: "est_a-b_C" }],
  ["#token=t&seat=w%2E1", { seat: "w.1", token: "t" }],
  ["#seat=w1&token=+t+", { seat: "w1", token: "t" }],
  ["#seat=w1", null],
  ["#token=t", null],
  ["#", null],
  ["", null],
  ["#%", null],
])("the hash %s is the link %o", (hash, link) => {
  expect(readLink(hash)).toEqual(link);
});

test("a link is remembered and goes from the address bar", () => {
  expect(takeLink(place("/seat?x=1#seat=w1&token=t"))).toEqual({ seat: "w1", token: "t" });
  expect(address).toBe("/seat?x=1");
  expect(takeLink(place("/seat")), "after a reload").toEqual({ seat: "w1", token: "t" });
  expect(address, "nothing was there to take away").toBe("/seat");
});

test("a newer link replaces the remembered one", () => {
  takeLink(place("/seat#seat=w1&token=t"));
  takeLink(place("/seat#seat=w2&token=u"));
  expect(rememberedLink(localStorage)).toEqual({ seat: "w2", token: "u" });
});

test("a link can be forgotten", () => {
  takeLink(place("/seat#seat=w1&token=t"));
  forgetLink(localStorage);
  expect(takeLink(place("/seat"))).toBeNull();
});

test.each(["{", "7", "null", '{"seat":7,"token":"t"}', '{"seat":"","token":"t"}', '{"seat":"w1"}'])(
  "something else in the memory, %s, is no link",
  (value) => {
    localStorage.setItem("earshot.seat", value);
    expect(rememberedLink(localStorage)).toBeNull();
  },
);

test("a browser that forbids its memory still takes the link", () => {
  const forbidden = new Proxy({} as Storage, {
    get: () => () => {
      throw new DOMException("no", "SecurityError");
    },
  });
  const here = { ...place("/seat#seat=w1&token=t"), localStorage: forbidden };
  expect(takeLink(here)).toEqual({ seat: "w1", token: "t" });
  expect(takeLink({ ...place("/seat"), localStorage: forbidden })).toBeNull();
});

test("what is written is read again; a seat without a token has no link", () => {
  const link = { seat: "w.1", token: "est_a+b" };
  expect(readLink(writeLink(link))).toEqual(link);
  expect(writeLink({ seat: "w1", token: "" })).toBe("");
});
