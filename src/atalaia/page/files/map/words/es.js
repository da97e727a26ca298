// Las palabras de lo que se abre bajo el mapa, en español.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("es"));
const where = (count) => n(count, "1 lugar", "# lugares");

export const words = {
  time: {
    label: "Línea de tiempo del mapa", hour: "Hora que muestra el mapa", play: "Reproducir", pause: "Pausar", back: "Volver a ahora",
    now: "Ahora", not_now: "No es ahora", loading: "Buscando las últimas horas…",
    failed: "No se pudieron cargar las últimas horas.", again: "Intentar de nuevo",
    past: (alerts, places, unseen) => `${alerts ? `${n(alerts, "1 alerta", "# alertas")} en ${where(places)}` : "Ninguna alerta"}${unseen ? ` · ${where(unseen)} sin datos` : ""}`,
    ahead: (alerts, places) => `${n(alerts, "1 alerta ya anunciada", "# alertas ya anunciadas")} para ${where(places)}. Del resto aún no se sabe.`,
    list: "Solo el mapa muestra esta hora; la lista sigue mostrando ahora.",
    gone: "La hora de esta dirección queda fuera de lo que se guarda: el mapa muestra ahora.",
  },
  values: {
    label: "Valores más nuevos en el mapa", variable: "Magnitud",
    choices: { rain_mm: "Lluvia en 1 h", wind_gust_m_s: "Ráfaga de viento", wind_speed_m_s: "Viento medio", temperature_c: "Temperatura", relative_humidity_pct: "Humedad relativa" },
    fresh: "más nuevo", old: "de hace más de 1 h", missing: "ninguno en 3 h",
    of: (shown, all) => `${shown.toLocaleString("es")} de ${where(all)} con valor`,
    none: "Ningún lugar tiene un valor de esta magnitud en las últimas 3 horas.",
    failed: "No se pudieron cargar los valores.", then: "Son valores de ahora: en otra hora el mapa no los muestra.",
  },
  layers: {
    label: "Capas de imágenes",
    from: (host) => `Las imágenes vienen de ${host}, que se entera de su visita.`,
    then: "Esta capa solo tiene imágenes de ahora: en otra hora el mapa no la muestra.",
    failed: (name) => `${name}: hay imágenes que no llegaron.`,
  },
  report: {
    first: "Primer día", last: "Último día", whole: "Desde su comienzo", some: "Algunos días", open: "Abrir", close: "Cerrar",
    forms: { html: "Página", png: "Imagen", pdf: "PDF" }, most: (n) => `Un día como mínimo y ${n} como máximo, el último no antes del primero.`,
    lead: "Se abre en una pestaña nueva y puede tardar unos segundos.",
  },
};
