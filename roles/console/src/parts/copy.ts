/** Copies words; also where the page is served without TLS on a local network and has no clipboard of its own. */
export async function copyText(words: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(words);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = words;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    // The only way without the clipboard's own interface; every browser still has it.
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
