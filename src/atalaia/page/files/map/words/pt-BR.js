// As palavras do que se abre sob o mapa, em português do Brasil.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("pt-BR"));
const where = (count) => n(count, "1 lugar", "# lugares");

export const words = {
  time: {
    label: "Linha do tempo do mapa", hour: "Hora que o mapa mostra", play: "Reproduzir", pause: "Pausar", back: "Voltar para agora",
    now: "Agora", not_now: "Não é agora", loading: "Buscando as últimas horas…",
    failed: "As últimas horas não puderam ser carregadas.", again: "Tentar de novo",
    past: (alerts, places, unseen) => `${alerts ? `${n(alerts, "1 alerta", "# alertas")} em ${where(places)}` : "Nenhum alerta"}${unseen ? ` · ${where(unseen)} sem dados` : ""}`,
    ahead: (alerts, places) => `${n(alerts, "1 alerta já anunciado", "# alertas já anunciados")} para ${where(places)}. Do resto ainda não se sabe.`,
    list: "Só o mapa mostra esta hora; a lista segue mostrando agora.",
    gone: "A hora deste endereço fica fora do que se guarda: o mapa mostra agora.",
  },
  values: {
    label: "Valores mais novos no mapa", variable: "Grandeza",
    choices: { rain_mm: "Chuva em 1 h", wind_gust_m_s: "Rajada de vento", wind_speed_m_s: "Vento médio", temperature_c: "Temperatura", relative_humidity_pct: "Umidade relativa" },
    fresh: "mais novo", old: "com mais de 1 h", missing: "nenhum em 3 h",
    of: (shown, all) => `${shown.toLocaleString("pt-BR")} de ${where(all)} com valor`,
    none: "Nenhum lugar tem um valor desta grandeza nas últimas 3 horas.",
    failed: "Os valores não puderam ser carregados.", then: "São valores de agora: em outra hora o mapa não os mostra.",
  },
  layers: {
    label: "Camadas de imagens",
    from: (host) => `As imagens vêm de ${host}, que fica sabendo do seu acesso.`,
    then: "Esta camada só tem imagens de agora: em outra hora o mapa não a mostra.",
    failed: (name) => `${name}: há imagens que não chegaram.`,
  },
  report: {
    first: "Primeiro dia", last: "Último dia", whole: "Desde o começo", some: "Alguns dias", open: "Abrir", close: "Fechar",
    forms: { html: "Página", png: "Imagem", pdf: "PDF" }, most: (n) => `Pelo menos um dia e no máximo ${n}, o último não antes do primeiro.`,
    lead: "Abre em uma aba nova e pode levar alguns segundos.",
  },
};
