import type { Language } from "../i18n";
import type { Phrase, Product } from "../line/entities";
import type { Store } from "../line/store";
import { money } from "./format";
import { productsInOrder, theShow } from "./spine";

/** Something to answer with: an approved phrase of the sheet, or what is known of a product. */
export interface Offer {
  key: string;
  title: string;
  text: string;
  /** Sent as this phrase, so that the server fills in the figures of that moment. */
  phrase?: string;
  /** A field that nothing fills now, such as the price where nothing is on air. */
  lacks?: string;
}

/** The phrase as it would be said now; the server fills it in anew when it is sent. */
export function said(store: Store, phrase: Phrase, language: Language): Offer {
  const show = theShow(store);
  const product = store.get("products", phrase.product ?? show?.product);
  const coupon =
    store.get("coupons", phrase.coupon) ??
    store.all("coupons").filter((c) => c.dropped_at !== undefined).sort((a, b) => (b.dropped_at ?? 0) - (a.dropped_at ?? 0))[0] ??
    store.all("coupons")[0];
  const values: Record<string, string | undefined> = {
    title: show?.title,
    product: product?.name,
    name: product?.name,
    price: product && money(product.price, show?.currency, language),
    list_price: product?.list_price === undefined ? undefined : money(product.list_price, show?.currency, language),
    stock: product?.stock === undefined ? undefined : String(product.stock),
    "coupon.left": coupon?.left === undefined ? undefined : String(coupon.left),
    "coupon.title": coupon?.title,
    "coupon.off": coupon?.off === undefined ? undefined : money(coupon.off, show?.currency, language),
  };
  let lacks: string | undefined;
  const text = phrase.text.replace(/\{([^{}|]+)\}/g, (whole, name: string) => {
    const value = values[name.trim()];
    if (value === undefined) lacks = whole;
    return value ?? whole;
  });
  return { key: phrase.id, title: phrase.title || phrase.id, text, phrase: phrase.id, ...(lacks ? { lacks } : {}) };
}

export function offers(store: Store, typed: string, language: Language): Offer[] {
  const phrases = (store.get("service", "service")?.phrases ?? []).map((phrase) => said(store, phrase, language));
  const goods = productsInOrder(store).flatMap((product) => ofProduct(product, theShow(store)?.currency, language));
  const wanted = typed.toLowerCase();
  return [...phrases, ...goods].filter((offer) => `${offer.title} ${offer.text}`.toLowerCase().includes(wanted)).slice(0, 8);
}

function ofProduct(product: Product, currency: string | undefined, language: Language): Offer[] {
  const offer = (what: string, text: string): Offer => ({ key: `${product.id}-${what}`, title: product.name, text });
  return [
    offer("price", `${product.name} ${money(product.price, currency, language)}`),
    ...(product.points?.length ? [offer("points", `${product.name}: ${product.points.join(" · ")}`)] : []),
    ...(product.script ? [offer("script", product.script)] : []),
  ];
}
