/**
 * A picture as a file, to be saved or shared. Null where its host does not let other pages read it: it can then be
 * opened and held down.
 */
export async function pictureFile(address: string, name: string): Promise<File | null> {
  try {
    const picture = new Image();
    picture.crossOrigin = "anonymous";
    picture.src = address;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    canvas.getContext("2d")!.drawImage(picture, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
    return blob && new File([blob], `${name}.jpg`, { type: "image/jpeg" });
  } catch {
    return null;
  }
}

export function save(file: File): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
