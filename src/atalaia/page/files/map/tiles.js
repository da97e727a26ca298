// A layer of tiles that keeps to the policy: Leaflet cancels the loading of one by an image of its own in
// the address ("data:"), which the policy does not let in. Without an address it is cancelled as well.

let made = null;

export function tileLayer(L, url, options) {
  made ??= L.TileLayer.extend({
    _abortLoading() {
      for (const [key, { coords, el }] of Object.entries(this._tiles)) {
        if (coords.z === this._tileZoom) continue;
        el.onload = el.onerror = L.Util.falseFn;
        if (el.complete) continue;
        el.removeAttribute("src");
        el.remove();
        delete this._tiles[key];
        this.fire("tileabort", { tile: el, coords });
      }
    },
    _removeTile(key) {
      this._tiles[key]?.el.removeAttribute("src");
      return L.GridLayer.prototype._removeTile.call(this, key);
    },
  });
  return new made(url, options);
}
