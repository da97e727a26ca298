// As palavras do que operadores veem e fazem, em português do Brasil.

const n = (count, one, many) => (count === 1 ? one : many).replace("#", count.toLocaleString("pt-BR"));

export const words = {
  person: "Pessoa", begun: "Desde", export: "Exportar", erase: "Apagar",
  tabs: { sources: "Fontes", lag: "Atraso", deliveries: "Entregas", people: "Pessoas", rules: "Regras", places: "Lugares", silences: "Silêncios", drills: "Exercícios", wishes: "Pedidos", reports: "Relatórios" },
  town: "Cidade", wished: "Pedida", last_wished: "Última vez",
  wishes_lead: "Cidades que alguém pediu e que não têm lugar vigiado a até 200 km. Nada fica guardado de quem pediu.",
  source: "Fonte", fresh: "Em dia", is_fresh: "em dia", is_stale: "atrasada", last: "Última resposta", fault: "Falha", next: "Próxima tentativa", quota: "Chamadas que restam",
  stage: "Etapa", value: "Valor",
  by_outcome: "Por resultado", all: "Todas",
  by: "Por quem", id: "Mensagem", channel: "Canal", status: "Situação", tries: "Tentativas", reason: "Motivo", due: "Para", retry: "Tentar de novo", retried: "Vai de novo",
  stages: {
    stream_offset: "Registros recebidos, ao todo", speed: "Registros à espera da detecção", speed_s: "Segundos que o mais antigo deles espera", archive: "Registros à espera do arquivo",
    board: "Alertas à espera desta página", fan_out: "Alertas à espera dos destinatários", step_s: "Último lote, da leitura à gravação (s)", deliveries: "Mensagens à espera de envio",
  },
  none: "Nada aqui.",
  hazard: "Perigo", place: "Lugar", until: "Até", hours: "Por quantas horas", comment: "Por quê", any: "qualquer", add_silence: "Silenciar", end_silence: "Encerrar",
  drill_lead: "Um exercício percorre o caminho inteiro, marcado como tal em toda mensagem (CAP: Exercise).",
  drill_level: "Nível", drill_start: "Começar o exercício", drill_everyone: "Também pessoas, e não só organizações",
  drill_sure: (count, by) => `${n(count, "1 destinatário recebe", "# destinatários recebem")} uma mensagem marcada EXERCÍCIO${by && ` (${by})`}. Começar?`,
  drill_done: (people) => n(people, "Exercício em curso: 1 destinatário.", "Exercício em curso: # destinatários."),
  not_here: "Esta parte não está ligada nesta instalação.",
  yes: "Sim", no: "Não",
  per: { minute: "neste minuto", hour: "nesta hora", day: "hoje", month: "neste mês" },
  of_person: (person) => `De ${person}`, messages: "Mensagens", acknowledge: "Foi lida", acknowledged: "lida", again: "De novo",
  add: "Avisar alguém", add_lead: "Para quem pediu a você. Com uma prova, a pessoa recebe desde já; sem ela, recebe antes um código.",
  address: "Endereço", area: "Onde", proof: "Prova de que concordou (um formulário de papel, por exemplo)", organisation: "É para uma organização",
  from_level: "Todos os perigos a partir de", added: (person) => `Guardado como ${person}.`, to_confirm: (channels) => `Um código vai por ${channels}.`,
  report_lead: "De todos os lugares, ou de um, e de até um ano. É feito uma vez a cada dez minutos e pode levar alguns segundos.",
  report_all: "Todos os lugares", from: "Primeiro dia", to: "Último dia", form: "Como", make: "Fazer o relatório", making: "Fazendo…", made: "Está entre os seus downloads.",
};
